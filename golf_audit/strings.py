"""Where the string literals of a Python text are, f-strings of the 3.12 grammar (PEP 701) included."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r"""#[^\n]*|(?:(?<!\w)([rbuf]{1,2}))?("{3}|'{3}|"|')""", re.IGNORECASE)
_END = {
    '"': re.compile(r'[^"\\\n]*(?:\\.[^"\\\n]*)*"', re.DOTALL),
    "'": re.compile(r"[^'\\\n]*(?:\\.[^'\\\n]*)*'", re.DOTALL),
    '"""': re.compile(r'[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""', re.DOTALL),
    "'''": re.compile(r"[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''", re.DOTALL),
}
_LITERAL = re.compile(r"""[^\\{}"'\n]+""")
_NAMED = re.compile(r"\\N\{[^{}\n]*\}")
_CODE = re.compile(r"""[^"'#(\[{)\]}!:=]+""")
_SELF_DOCUMENTING = re.compile(r"=(?=\s*[!:}])")
_LONGEST_PREFIX = 2
_CONVERSION = re.compile(r"\s*(?:!\s*\w+\s*)?")


@dataclass(frozen=True, slots=True)
class Literal:
    """One string literal; positions are offsets into the text."""

    start: int
    end: int
    quote: str
    fields: tuple[tuple[int, int], ...] = ()
    """Of an f-string: start and end of each replacement field's expression, those in format specifiers included."""


class UnterminatedError(ValueError):
    """A literal that does not end; the argument is the offset of its start."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"unterminated string literal at offset {offset}")
        self.offset = offset


def literals(text: str) -> Iterator[Literal]:
    """Every string literal of `text` in order, none inside another; raises UnterminatedError where one does not end."""
    position = 0
    while match := _TOKEN.search(text, position):
        if match[2] is None:
            position = match.end()
            continue
        literal = _literal(text, match)
        yield literal
        position = literal.end


def _literal(text: str, match: "re.Match[str]") -> Literal:
    prefix, quote = (match[1] or "").lower(), match[2]
    if "f" in prefix:
        return _Scanner(text).formatted(match.start(), match.end(), quote, raw="r" in prefix)
    end = _END[quote].match(text, match.end())
    if end is None:
        raise UnterminatedError(match.start())
    return Literal(match.start(), end.end(), quote)


class _Scanner:
    """Reads one f-string: literal parts, replacement fields, format specifiers."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._fields: list[tuple[int, int]] = []

    def formatted(self, start: int, body: int, quote: str, *, raw: bool) -> Literal:
        """The f-string that starts at `start` and whose body starts at `body`."""
        position = body
        while not self._text.startswith(quote, position):
            position = self._piece(start, position, quote, raw=raw)
        return Literal(start, position + len(quote), quote, tuple(self._fields))

    def _piece(self, start: int, position: int, quote: str, *, raw: bool) -> int:
        """Past the next escape, replacement field or run of plain characters."""
        text = self._text
        if match := _LITERAL.match(text, position):
            return match.end()
        character = text[position : position + 1]
        if not character or (character == "\n" and len(quote) == 1):
            raise UnterminatedError(start)
        if character == "\\":
            return self._escape(position, raw=raw)
        if character == "{" and text.startswith("{{", position):
            return position + 2
        return self._field(position + 1, quote, raw=raw) if character == "{" else position + 1

    def _escape(self, position: int, *, raw: bool) -> int:
        if not raw and (named := _NAMED.match(self._text, position)):
            return named.end()
        return position + (1 if self._text[position + 1 : position + 2] in "{}" else 2)

    def _field(self, position: int, quote: str, *, raw: bool) -> int:
        """Past the replacement field whose expression starts at `position`."""
        text, end = self._text, self._expression(position)
        self._fields.append((position, end))
        conversion = _CONVERSION.match(text, end + (text[end] == "="))
        end = conversion.end() if conversion else end
        if text.startswith(":", end):
            end = self._specifier(position, end + 1, quote, raw=raw)
        if not text.startswith("}", end):
            raise UnterminatedError(position)
        return end + 1

    def _specifier(self, start: int, position: int, quote: str, *, raw: bool) -> int:
        """The offset of the brace that ends the format specifier at `position`."""
        while not self._text.startswith("}", position):
            if self._text.startswith(quote, position):
                raise UnterminatedError(start)
            position = self._piece(start, position, quote, raw=raw)
        return position

    def _expression(self, start: int) -> int:
        """The offset of what ends the expression at `start`: `}`, `!`, `:` or a self-documenting `=`."""
        text, position, depth = self._text, start, 0
        while position < len(text):
            if match := _CODE.match(text, position):
                position = match.end()
                continue
            character = text[position]
            if depth == 0 and self._ends(position):
                return position
            if character in "\"'#":
                position = self._token(position)
                continue
            depth += (character in "([{") - (character in ")]}")
            position += 2 if text.startswith(("!=", "=="), position) else 1
        raise UnterminatedError(start)

    def _ends(self, position: int) -> bool:
        text = self._text
        if text.startswith(("!=", "=="), position):
            return False
        if text[position] == "=":
            return text[position - 1] not in "<>" and _SELF_DOCUMENTING.match(text, position) is not None
        return text[position] in "}!:"

    def _token(self, position: int) -> int:
        """Past the comment or the string literal at `position`."""
        text = self._text
        begin = position
        while begin > 0 and position - begin < _LONGEST_PREFIX and text[begin - 1].lower() in "rbuf":
            begin -= 1
        if begin > 0 and (text[begin - 1].isalnum() or text[begin - 1] == "_"):
            begin = position
        match = _TOKEN.match(text, begin)
        if match is None:
            raise UnterminatedError(position)
        return match.end() if match[2] is None else _literal(text, match).end
