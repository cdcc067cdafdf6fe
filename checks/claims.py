"""The ledger of claims: what a chapter concludes, from which run, and how sure that is.

``notebooks/claims.yml`` has a list for each chapter. When the chapter has run, the plugin asks its
kernel for `effect` and `error`; `problem_of` compares them with what is written there.
"""

import ast

import yaml

from checks.files import cells_of

BOTH = {"claim", "changed", "held"}  # {"ko": …, "en": …}
TEXTS = {"id", "cell", "effect", "error", "holds"}
UNITS = {"points", "percent", "ratio", "count", "none"}
FIELDS = BOTH | TEXTS | {"seeds", "unit", "found", "within"}


def claims_beside(path):
    """{chapter: [claim, …]} of the claims.yml in the folder above that of the notebook `path`."""
    ledger = path.parent.parent / "claims.yml"
    return yaml.safe_load(ledger.read_text(encoding="utf-8")) if ledger.exists() else {}


def claim_problems(path, notebook):
    """What is wrong with the claims of a chapter, without running it."""
    ledger = claims_beside(path)
    if ledger and path.stem not in ledger:
        yield "claims.yml has no list for this chapter"
    claims = ledger.get(path.stem) or []
    code = {cell.id for cell in cells_of(notebook, "code")}
    names = [claim.get("id") for claim in claims]
    for name, claim in zip(names, claims, strict=True):
        yield from (f"claim {name}: {problem}" for problem in wrong_fields(claim))
        if names.count(name) > 1:
            yield f"claim {name}: there are two of this name"
        if claim.get("cell") not in code:
            yield f"claim {name}: there is no code cell {claim.get('cell')!r}"


def wrong_fields(claim):
    """What is wrong with the fields of one claim."""
    if set(claim) != FIELDS:
        return [f"has other fields than it should: {', '.join(sorted(set(claim) ^ FIELDS))}"]
    wrong = [
        f"{name} must be words in Korean and in English"
        for name in sorted(BOTH)
        if not isinstance(claim[name], dict)
        or set(claim[name]) != {"ko", "en"}
        or not all(isinstance(words, str) and words.strip() for words in claim[name].values())
    ]
    wrong += [f"{name} must be text" for name in TEXTS if not isinstance(claim[name], str)]
    if not isinstance(claim["seeds"], int) or claim["seeds"] < 0:
        wrong.append("seeds must be a whole number; 0 where nothing is random")
    if claim["unit"] not in UNITS:
        wrong.append(f"unit is {claim['unit']!r}; it must be one of {', '.join(sorted(UNITS))}")
    numbers = [*claim["found"], claim["within"]] if isinstance(claim["found"], list) else []
    if len(numbers) != 3 or not all(type(number) in (int, float) for number in numbers):
        wrong.append("found must be [effect, standard error] and within a number")
    for name in ("effect", "error", "holds"):
        try:
            tree = ast.parse(str(claim[name]), mode="eval")
        except SyntaxError:
            wrong.append(f"{name} is no expression: {claim[name]}")
            continue
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if name == "holds" and ("effect" not in used or not used <= {"effect", "error", "abs"}):
            wrong.append("holds must be about effect, and may use error")
    return wrong


def problem_of(claim, effect, error):
    """A sentence when a run with this `effect` and `error` does not bear the claim, else None."""
    run = f"the run gives {effect:.4g} ± {error:.2g}"
    if not eval(claim["holds"], {"abs": abs}, {"effect": effect, "error": error}):
        return f"{run}: {claim['holds']} does not hold"
    recorded, spread = claim["found"]
    if abs(effect - recorded) > claim["within"] * (1 + 1e-9):
        return f"{run}; the ledger says {recorded}, within {claim['within']}"
    if not spread / 4 <= error <= spread * 4:  # of a handful of seeds
        return f"{run}; the ledger says ± {spread}"
    return None
