"""The frame of the window: docks, menus, status, keys, and what a panel and a feature are."""
