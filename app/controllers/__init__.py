"""Requests to engine calls to state: a controller never touches a pixel, a view never calls the engine."""
