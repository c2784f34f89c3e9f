"""The truth of the window: recording, regions, display, runs, and the object that holds them and tells of changes."""

from app.state.display import Display
from app.state.recording import OpenRecording, Picture
from app.state.regions import Regions, Role, Tool
from app.state.runs import KEPT_RUNS, Activity, FrameMeasurements, MethodInfo, Run, RunStatus, StrainMethodInfo
from app.state.viewer import ViewerState

__all__ = [
    "KEPT_RUNS",
    "Activity",
    "Display",
    "FrameMeasurements",
    "MethodInfo",
    "OpenRecording",
    "Picture",
    "Regions",
    "Role",
    "Run",
    "RunStatus",
    "StrainMethodInfo",
    "Tool",
    "ViewerState",
]
