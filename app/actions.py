"""What can be done in the window: each action with its words, its place, its keys, and when it applies."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from app.theme import icon

GENERAL_KEYS = (
    ("Left, Right", "Frame before, next frame, while nothing is selected on the images"),
    ("Arrows", "Move what is selected by 0.1 mm; with Shift by 1 mm"),
    ("Alt + arrows", "Make it wider or narrower, taller or flatter by 0.1 mm at each side; with Shift by 1 mm"),
    ("[ and ]", "Turn it by 1\u00b0; with Shift by 10\u00b0"),
    ("R, Shift+R", "Turn it by 5\u00b0 clockwise, or back"),
    ("Return", "With a drawing tool: put the region or line into the middle of the image"),
)
"""Keys that belong to no single action."""


@dataclass(frozen=True)
class Action:
    """One thing to do.

    `menu` is the path of its menu, as "View" or "View/Image layout"; empty for a key that has no entry. Entries lie in
    the order of `place`, and a line parts those of different hundreds. `tool_bar` is the same for the tool bar.
    `key` and `more_keys` are shortcuts with a modifier, which work wherever the focus is; `plain_keys` are keys without
    one, which a focused field may want for itself; they do `press` where that is not the same as `do`. `tip` says more
    than the entry's words; `key_words` are for the list of keys.
    `enabled`, `checked` and `words` are asked again whenever the state changes.
    """

    name: str
    text: str
    do: Callable[[], object]
    menu: str = ""
    place: int = 0
    tool_bar: int | None = None
    short_text: str = ""
    icon: str = ""
    key: str = ""
    more_keys: tuple[str, ...] = ()
    plain_keys: tuple[Qt.Key, ...] = ()
    press: Callable[[], object] | None = None
    tip: str = ""
    key_words: str = ""
    checkable: bool = False
    enabled: Callable[[], bool] | None = None
    checked: Callable[[], bool] | None = None
    words: Callable[[], str] | None = None

    @property
    def shown_key(self) -> str:
        """The key as people write it: the shortcut, else the first plain key."""
        return self.key or (QKeySequence(self.plain_keys[0]).toString() if self.plain_keys else "")

    @property
    def plain_text(self) -> str:
        """The words without the mark of the mnemonic and the dots of a dialog."""
        return self.text.replace("\u2026", "").replace("&", "")


def make_action(parent: QWidget, info: Action) -> QAction:
    """Build the QAction of an entry."""
    action = QAction(info.text, parent)
    action.setObjectName(info.name)
    if info.key:
        action.setShortcuts([QKeySequence(key) for key in (info.key, *info.more_keys)])
    elif info.plain_keys and info.menu:
        action.setText(f"{info.text}\t{info.shown_key}")
    words = info.tip or info.plain_text
    action.setToolTip(f"{words} ({info.shown_key})" if info.shown_key else words)
    action.setStatusTip(info.tip)
    action.setCheckable(info.checkable)
    if info.short_text:
        action.setIconText(info.short_text)
    if info.icon:
        action.setIcon(icon(info.icon))
        action.setProperty("icon_name", info.icon)
    action.triggered.connect(_Call(info.do))
    return action


def refresh(info: Action, action: QAction) -> None:
    """Ask again whether an action can be done, is on, and how it is called."""
    if info.enabled is not None:
        action.setEnabled(info.enabled())
    if info.checked is not None:
        action.setChecked(info.checked())
    if info.words is not None:
        action.setText(info.words())


def restyle(actions: Iterable[QAction]) -> None:
    """Tint the icons for the theme in force."""
    for action in actions:
        name = action.property("icon_name")
        if name:
            action.setIcon(icon(name))


def key_rows(infos: Iterable[Action]) -> tuple[tuple[str, str], ...]:
    """Every key with what it does, for the help."""
    rows = [(all_keys(info), info.key_words or info.plain_text) for info in infos if info.shown_key]
    return (*GENERAL_KEYS, *((", ".join(keys), words) for keys, words in rows))


def all_keys(info: Action) -> tuple[str, ...]:
    """Every key of an action, as people write them."""
    keys = (info.key, *info.more_keys, *(QKeySequence(key).toString() for key in info.plain_keys))
    return tuple(key for key in keys if key)


class _Call:
    """Drop the `checked` argument that Qt passes along."""

    def __init__(self, do: Callable[[], object]) -> None:
        self._do = do

    def __call__(self, _checked: bool = False) -> None:
        self._do()
