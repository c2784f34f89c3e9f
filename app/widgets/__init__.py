"""Small controls that panels and dialogs share."""
