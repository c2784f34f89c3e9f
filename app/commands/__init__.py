"""The commands of `strainscope`, one file a command; none imports Qt or torch before it runs."""
