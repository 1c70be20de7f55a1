"""Expressions: `{{ … }}` in any field, read by Jinja2's parser and interpreted by us over plain JSON.

Nothing here compiles or executes Python, and no attribute of a Python object is ever looked up for a user.
"""

from automate.lib.expressions import functions as _functions  # noqa: F401  # registers the library
from automate.lib.expressions.compare import OPERATORS, OperatorInfo, compare
from automate.lib.expressions.errors import (
    BudgetExceeded,
    ExpressionError,
    ExpressionSyntaxError,
    ExpressionTypeError,
    Fault,
    UnknownName,
)
from automate.lib.expressions.interpreter import check, evaluate, has_expression, references
from automate.lib.expressions.registry import FUNCTIONS, FunctionInfo
from automate.lib.expressions.scope import Budget, Namespace, Resolver, Scope

__all__ = [
    "FUNCTIONS",
    "OPERATORS",
    "Budget",
    "BudgetExceeded",
    "ExpressionError",
    "ExpressionSyntaxError",
    "ExpressionTypeError",
    "Fault",
    "FunctionInfo",
    "Namespace",
    "OperatorInfo",
    "Resolver",
    "Scope",
    "UnknownName",
    "check",
    "compare",
    "evaluate",
    "has_expression",
    "references",
]
