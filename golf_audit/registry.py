"""Every rule, by existing: each module of `golf_audit.rules` holds one rule, and one that cannot be loaded stops the audit."""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Iterable

from golf_audit import rules
from golf_audit.rule import Rule
from golf_audit.trace.fouls import RUNTIME_RULES


class RegistryError(Exception):
    """A rule could not be loaded, or breaks the house's naming; the message names the module."""


class UnknownRuleError(KeyError):
    """There is no rule of this name or code; the message lists the near ones."""

    def __str__(self) -> str:
        return str(self.args[0])


@functools.cache
def all_rules() -> tuple[Rule, ...]:
    """One instance of every rule, sorted by code; raises `RegistryError` naming the module that fails."""
    names = sorted(module.name for module in pkgutil.iter_modules(rules.__path__))
    if not names:
        raise RegistryError(
            f"no rule was found in {', '.join(rules.__path__)}: an audit without rules would pass anything"
        )
    return load(names)


def load(names: Iterable[str]) -> tuple[Rule, ...]:
    """The rules of the named modules of `golf_audit.rules`, sorted by code; several may enforce one code."""
    return tuple(sorted((rule_in(name) for name in names), key=lambda rule: (rule.code, rule.id)))


def rule_in(module_name: str) -> Rule:
    """The one rule of a module of `golf_audit.rules`, whose name must be the module's in camel case."""
    path = f"{rules.__name__}.{module_name}"
    try:
        module = importlib.import_module(path)
    except Exception as error:
        raise RegistryError(f"the rule {module_name} cannot be loaded: {type(error).__name__}: {error}") from error
    classes = [
        cls
        for cls in vars(module).values()
        if inspect.isclass(cls) and issubclass(cls, Rule) and cls.__module__ == path and not inspect.isabstract(cls)
    ]
    expected = module_name.title().replace("_", "")
    if [cls.__name__.lower() for cls in classes] != [expected.lower()]:
        names = ", ".join(cls.__name__ for cls in classes) or "none"
        raise RegistryError(f"rules/{module_name}.py must hold exactly one rule, named {expected}; it holds {names}")
    rule = classes[0]()
    if rule.id.replace("-", "_") != module_name:
        raise RegistryError(f"rules/{module_name}.py holds the rule {rule.id}: file, class and id must be one word")
    return rule


def known_rules() -> tuple[Rule, ...]:
    """Every rule that a finding can name, sorted by code: also those that only a run can break."""
    return tuple(sorted((*all_rules(), *RUNTIME_RULES), key=lambda rule: (rule.code, rule.id)))


def find_rules(name: str) -> tuple[Rule, ...]:
    """
    The rule with this id, or all rules with this code; case does not matter, and `_` is as good as `-`.

    Raises `UnknownRuleError` with the near names where there is none.
    """
    wanted = name.lower().replace("_", "-")
    found = tuple(rule for rule in known_rules() if wanted in {rule.id, rule.code.lower()})
    if not found:
        raise UnknownRuleError(_unknown(name, wanted))
    return found


def _unknown(name: str, wanted: str) -> str:
    """What to say about a rule that is not there."""
    import difflib

    known = [rule.id for rule in known_rules()]
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else "`golf-audit rules` lists them."
    return f"no rule is called {name!r}; {hint}"
