"""Data in the box: icons, trained weights with their cards, and example recordings."""
