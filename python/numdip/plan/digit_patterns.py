r"""Regular expressions over decimal digits, advanced one digit at a time.

Numbering metadata describes numbers by a small regular language: digits, ``\d``, classes,
groups, alternation, ``?``, ``{n}`` and ``{n,m}``. :func:`compile_pattern` turns such an expression
into a :class:`Pattern`; ``pattern.step(7)`` is the pattern of what may follow a 7, and
``pattern.accepts`` says whether the digits read so far are a complete match. A pattern is its own
state of a deterministic automaton, which is made only as far as it is walked.

The method is that of derivatives of regular expressions (J. A. Brzozowski, "Derivatives of
Regular Expressions", Journal of the ACM 11, 1964). Equal expressions are one object, so patterns
may be compared by identity and used as keys of memo tables.
"""

from __future__ import annotations

__all__ = ["NEVER", "Pattern", "PatternSyntaxError", "compile_pattern"]

_DIGITS = "0123456789"
_ANY = frozenset(range(10))


class PatternSyntaxError(ValueError):
    """The expression uses syntax that numbering metadata is not known to use."""


class Pattern:
    """What may still be read, and whether nothing more needs to be.

    Made by :func:`compile_pattern` and :meth:`step` only.
    """

    __slots__ = ("_next", "accepts")

    def __init__(self, *, accepts: bool) -> None:
        self.accepts = accepts
        self._next: list[Pattern | None] = [None] * 10

    def step(self, digit: int) -> Pattern:
        """The pattern of what may follow `digit` here; :data:`NEVER` if nothing can."""
        following = self._next[digit]
        if following is None:
            following = self._next[digit] = self._derive(digit)
        return following

    def _derive(self, _digit: int, /) -> Pattern:
        return NEVER


class _Class(Pattern):
    """One digit out of a set."""

    __slots__ = ("digits",)

    def __init__(self, digits: frozenset[int]) -> None:
        super().__init__(accepts=False)
        self.digits = digits

    def _derive(self, digit: int, /) -> Pattern:
        return _EMPTY if digit in self.digits else NEVER


class _Sequence(Pattern):
    """One pattern, then another."""

    __slots__ = ("head", "tail")

    def __init__(self, head: Pattern, tail: Pattern) -> None:
        super().__init__(accepts=head.accepts and tail.accepts)
        self.head = head
        self.tail = tail

    def _derive(self, digit: int, /) -> Pattern:
        through_head = _sequence(self.head.step(digit), self.tail)
        if not self.head.accepts:
            return through_head
        return _choice(through_head, self.tail.step(digit))


class _Choice(Pattern):
    """Any one of several patterns."""

    __slots__ = ("options",)

    def __init__(self, options: frozenset[Pattern]) -> None:
        super().__init__(accepts=any(option.accepts for option in options))
        self.options = options

    def _derive(self, digit: int, /) -> Pattern:
        return _choice(*(option.step(digit) for option in self.options))


#: Matches nothing at all, not even the absence of digits.
NEVER = Pattern(accepts=False)
_EMPTY = Pattern(accepts=True)

# Patterns have no equality of their own: what keeps the automaton small is that each expression
# exists once. The keys hold patterns by identity.
_classes: dict[frozenset[int], _Class] = {}
_sequences: dict[tuple[Pattern, Pattern], _Sequence] = {}
_choices: dict[frozenset[Pattern], _Choice] = {}


def _digit_class(digits: frozenset[int]) -> Pattern:
    return _classes.setdefault(digits, _Class(digits))


def _sequence(head: Pattern, tail: Pattern) -> Pattern:
    if head is NEVER or tail is NEVER:
        return NEVER
    if head is _EMPTY:
        return tail
    if tail is _EMPTY:
        return head
    if isinstance(head, _Sequence):  # always nested to the right, so that equals are one object
        return _sequence(head.head, _sequence(head.tail, tail))
    key = (head, tail)
    if key not in _sequences:
        _sequences[key] = _Sequence(head, tail)
    return _sequences[key]


def _choice(*patterns: Pattern) -> Pattern:
    options: set[Pattern] = set()
    for pattern in patterns:
        if isinstance(pattern, _Choice):
            options |= pattern.options
        elif pattern is not NEVER:
            options.add(pattern)
    if not options:
        return NEVER
    if len(options) == 1:
        return options.pop()
    key = frozenset(options)
    if key not in _choices:
        _choices[key] = _Choice(key)
    return _choices[key]


def compile_pattern(expression: str) -> Pattern:
    """The pattern that matches the same whole digit strings as the regular expression.

    Raises :class:`PatternSyntaxError` for syntax outside the subset named at the top.
    """
    parser = _Parser(expression)
    pattern = parser.alternatives()
    if parser.position < len(expression):
        raise parser.unexpected()
    return pattern


class _Parser:
    """Recursive descent over one expression."""

    def __init__(self, expression: str) -> None:
        self.text = expression
        self.position = 0

    def unexpected(self) -> PatternSyntaxError:
        found = self.text[self.position : self.position + 1] or "the end"
        return PatternSyntaxError(
            f"unexpected {found} at offset {self.position} of the pattern {self.text}"
        )

    def at(self, token: str) -> bool:
        return self.text.startswith(token, self.position)

    def take(self, token: str) -> bool:
        if not self.at(token):
            return False
        self.position += len(token)
        return True

    def expect(self, token: str) -> None:
        if not self.take(token):
            raise self.unexpected()

    def digit(self) -> int:
        found = self.text[self.position : self.position + 1]
        if not found or found not in _DIGITS:
            raise self.unexpected()
        self.position += 1
        return int(found)

    def count(self) -> int:
        start = self.position
        while self.position < len(self.text) and self.text[self.position] in _DIGITS:
            self.position += 1
        if self.position == start:
            raise self.unexpected()
        return int(self.text[start : self.position])

    def alternatives(self) -> Pattern:
        options = [self.row()]
        while self.take("|"):
            options.append(self.row())
        return _choice(*options)

    def row(self) -> Pattern:
        items: list[Pattern] = []
        while self.position < len(self.text) and not self.at("|") and not self.at(")"):
            items.append(self.repeated())
        pattern = _EMPTY
        for item in reversed(items):
            pattern = _sequence(item, pattern)
        return pattern

    def repeated(self) -> Pattern:
        item = self.item()
        if self.take("?"):
            return _repeat(item, 0, 1)
        if not self.take("{"):
            return item
        least = most = self.count()
        if self.take(","):
            most = self.count()
        self.expect("}")
        if most < least:
            raise self.unexpected()
        return _repeat(item, least, most)

    def item(self) -> Pattern:
        if self.take("\\d"):
            return _digit_class(_ANY)
        if self.take("["):
            return self.digit_set()
        if self.take("(?:") or (not self.at("(?") and self.take("(")):
            pattern = self.alternatives()
            self.expect(")")
            return pattern
        return _digit_class(frozenset([self.digit()]))

    def digit_set(self) -> Pattern:
        digits: set[int] = set()
        while not self.take("]"):
            if self.take("\\d"):
                digits |= _ANY
                continue
            first = last = self.digit()
            if self.take("-"):
                last = self.digit()
            if last < first:
                raise self.unexpected()
            digits.update(range(first, last + 1))
        if not digits:
            raise self.unexpected()
        return _digit_class(frozenset(digits))


def _repeat(item: Pattern, least: int, most: int) -> Pattern:
    optional: Pattern = _EMPTY
    for _ in range(most - least):
        optional = _choice(_EMPTY, _sequence(item, optional))
    pattern = optional
    for _ in range(least):
        pattern = _sequence(item, pattern)
    return pattern
