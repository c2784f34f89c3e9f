"""What is kept of the work on a recording: by itself under the recording's key, and as a copy to give away."""
