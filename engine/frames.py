"""How a frame is named wherever a person reads or types one: they count from 0, on screen as in files."""

COUNTED = "counted from 0"


def frame_words(frame: int, reference: int | None = None) -> str:
    """Name a frame, and the one that it is compared with.

    >>> frame_words(9, 0)
    'frame 9 against 0'
    """
    return f"frame {frame}" if reference is None else f"frame {frame} against {reference}"


def counted(frames: int) -> str:
    """Count frames in words.

    >>> counted(1), counted(4)
    ('1 frame', '4 frames')
    """
    return f"{frames} frame{'s' * (frames != 1)}"


def frame_title(title: str, frame: int, reference: int | None = None) -> str:
    """Name a map by its method and its frames; without a method by its frames alone.

    >>> frame_title("GLUE", 9, 0)
    'GLUE, frame 9 against 0'
    """
    return ", ".join(filter(None, (title, frame_words(frame, reference))))


def frame_place(frame: int, count: int) -> str:
    """Say which of a recording's `count` frames one is.

    >>> frame_place(3, 10)
    'Frame 3 of 0\u20139'
    """
    return f"Frame {frame} of 0\N{EN DASH}{count - 1}"
