r"""
Makes a submission's text harmless in our reports.

A file name, a line of code or a log line is whatever its author wished. Shown as it is, it could move the cursor and
overwrite a verdict, reverse the reading direction, close an HTML tag, call people by name in a comment, or break out
of a code span. Every format passes what comes from a submission through one of these functions.
"""

import re
import unicodedata

TAB = " " * 4
LONGEST_LINE = 300
"""Characters of one line that are shown."""

_DANGEROUS = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode categories that are never printed: controls, format characters (bidi, zero width), surrogates, separators."""

_MARKUP = re.compile(
    r"[\\`*_\[\]<>#|~&$@]"  # emphasis, code, links, tags, references, table cells, mathematics, mentions
    r"|:(?=\S)"  # links without brackets, emoji
    r"|(?<=\bwww)\."  # the same
    r"|^[-+=](?!\w)|(?<=^\d)[.)]"  # lists and rules at the start
)


def visible(text: str) -> str:
    r"""One line of text in which nothing acts: tabs become spaces, controls and bidi marks become `\u202e`."""
    return "".join(map(_visible, text))


def line(text: str, longest: int = LONGEST_LINE) -> str:
    """The text as `visible`, cut to `longest` characters."""
    cut = visible(text[: longest + 1])
    return cut if len(text) <= longest and len(cut) <= 2 * longest else cut[: longest - 1] + "…"


def block(text: str) -> str:
    """Text of several lines in which nothing but the line ends acts."""
    return "\n".join(map(visible, text.split("\n")))


def markdown(text: str) -> str:
    """Text for a Markdown paragraph or table cell: shown literally, without links, mentions, references or tags."""
    return _MARKUP.sub(_entity, line(text))


def code_span(text: str) -> str:
    """Text as inline code, in a fence longer than any run of backticks inside; nothing in it is interpreted."""
    shown = line(text).replace("|", "∣")  # a table cell ends at a bar even inside code
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown[:1] in {"`", " ", ""} or shown[-1:] in {"`", " "} else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def code_block(text: str, language: str = "text") -> str:
    """Text as a fenced block."""
    shown = "\n".join(line(one) for one in text.split("\n"))
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def sarif(text: str) -> str:
    """Text for a SARIF message, in which brackets would be links and braces placeholders."""
    shown = line(text, 1000)
    for character, escape in (("\\", "\\\\"), ("[", "\\["), ("]", "\\]"), ("{", "{{"), ("}", "}}")):
        shown = shown.replace(character, escape)
    return shown


def _visible(character: str) -> str:
    if character == "\t":
        return TAB
    if character.isascii():
        return character if character.isprintable() else f"\\x{ord(character):02x}"
    if unicodedata.category(character) not in _DANGEROUS:
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 -- the last code point of four digits


def _entity(match: re.Match[str]) -> str:
    """An entity is not read as markup; a mention or reference is broken by an empty comment after its sign, too."""
    character = match[0]
    return f"&#{ord(character)};<!-- -->" if character in "@#" else f"&#{ord(character)};"


def _longest_run(text: str) -> int:
    """The longest run of backticks."""
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest
