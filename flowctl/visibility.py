"""Whether a reader of an HTML email sees an element: preheaders and their padding are hidden."""

import re
from collections.abc import Mapping

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# The rules inside hold for some screens only.
_CONDITIONAL = re.compile(r"@[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_NAME = re.compile(r"(?:[a-z][a-z0-9]*)?([.#][-\w]+)", re.IGNORECASE)
_NOTHING = re.compile(r"0(?:\.0+)?(?:px|pt|em|rem|%)?")
_TINY = re.compile(r"[01](?:\.\d+)?(?:px|pt)?")

Attributes = Mapping[str, str | None]


class Stylesheet:
    """The classes and ids that the mail's own styles hide on every screen."""

    def __init__(self) -> None:
        self._hidden: set[str] = set()

    def add(self, css: str) -> None:
        """Read the text of a ``style`` element."""
        for selectors, style in _RULE.findall(_CONDITIONAL.sub("", _COMMENT.sub("", css))):
            if _hides(style):
                names = (_NAME.fullmatch(selector.strip()) for selector in selectors.split(","))
                self._hidden.update(name[1] for name in names if name)

    def hides(self, attributes: Attributes) -> bool:
        """Whether an element with these attributes is not to be seen."""
        if "hidden" in attributes or _hides(attributes.get("style") or ""):
            return True
        names = {f".{name}" for name in (attributes.get("class") or "").split()}
        return not self._hidden.isdisjoint({*names, f"#{attributes.get('id')}"})


def _hides(style: str) -> bool:
    """``mso-hide`` hides from Outlook alone, unless the others are shown nothing to speak of."""
    given: dict[str, str] = {}
    for declaration in style.lower().split(";"):
        name, _, value = declaration.partition(":")
        given[name.strip()] = value.replace("!important", "").strip()
    is_cut = given.get("overflow") == "hidden"
    return (
        given.get("display") == "none"
        or given.get("visibility") == "hidden"
        or _is(_NOTHING, given, "max-height")
        or _is(_NOTHING, given, "opacity")
        or (is_cut and (_is(_NOTHING, given, "height") or _is(_NOTHING, given, "max-width")))
        or (
            given.get("mso-hide") == "all"
            and (_is(_TINY, given, "font-size") or _is(_TINY, given, "line-height"))
        )
    )


def _is(pattern: re.Pattern[str], given: Mapping[str, str], name: str) -> bool:
    return pattern.fullmatch(given.get(name, "")) is not None
