"""Docks: one file a panel, each with a title, a side and a widget made from state and controllers."""
