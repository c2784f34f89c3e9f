"""The application: command line and window. It holds no arithmetic on RF; that is the engine's."""
