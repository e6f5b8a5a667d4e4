"""Whether a text holds a link, also one written so that it is none to a machine. Pure."""

import re
import unicodedata

#: Endings that people give away when they take an address apart; none of them is an English word.
_ENDINGS = "com|net|org|info|biz|gg|tv|io|ly|xyz|ru|de|uk|fr|app|dev|shop|site|online|club|live|link|top"
_DOTS = str.maketrans("。．｡․‧∙·", ".......")
_ADDRESS = re.compile(
    r"(?:h(?:tt|xx)ps?\s*:\s*//|www\.)\S"  # a scheme, or what stands for one
    r"|(?<![\w@.])(?:[\w-]+\.)+[^\W\d_]{2,18}(?:[/:?]\S*)?(?![\w.])"  # a name with its ending
    r"|(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?:[:/]\d*\S*)?(?![\w.])",  # an IPv4 address
    re.IGNORECASE,
)
_TAKEN_APART = re.compile(
    rf"(?<![\w@.])[a-z0-9-]{{2,}}"
    rf"(?:\s*\.\s+|\s+\.\s*|\s*[\[({{]\s*(?:\.|dot|punkt)\s*[\])}}]\s*|\s+dot\s+)"
    rf"(?:{_ENDINGS})(?!\w)",
    re.IGNORECASE,
)


def has_link(text: str) -> bool:
    """Whether somebody is sent somewhere: `example.com`, `hxxp://…`, `example (dot) com`, `example . com`."""
    seen = "".join(character for character in text if unicodedata.category(character) != "Cf").translate(_DOTS)
    flat = unicodedata.normalize("NFKC", seen)
    return _ADDRESS.search(flat) is not None or _TAKEN_APART.search(flat) is not None
