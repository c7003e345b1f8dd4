"""``blank`` is what Liquid means by it: a missing value is blank too, not only an empty text.

python-liquid takes only nil for nil. A parsed template is taught the rest: each ``blank`` in a
condition knows what it is compared with, and stands for nil where that is nil.
"""

from liquid import BoundTemplate
from liquid.ast import Node  # noqa: TC002  # as everything of Liquid
from liquid.builtin.expressions.logical import EqExpression, NeExpression
from liquid.builtin.expressions.primitive import Blank, Nil
from liquid.builtin.tags.case_tag import MultiExpressionBlockNode
from liquid.context import RenderContext
from liquid.expression import Expression
from liquid.undefined import is_undefined


def teach_blank(template: BoundTemplate) -> None:
    """Make ``nil == blank`` true in ``if``, ``unless``, ``elsif`` and ``case``."""
    context = RenderContext(template)
    nodes: list[Node] = list(template.nodes)
    expressions: list[Expression] = []
    while nodes:
        node = nodes.pop()
        nodes.extend(node.children(context, include_partials=False))
        if isinstance(node, MultiExpressionBlockNode):
            _teach_when(node)
        expressions.extend(node.expressions())
    while expressions:
        expression = expressions.pop()
        expressions.extend(expression.children())
        if isinstance(expression, EqExpression | NeExpression):
            left, right = expression.left, expression.right
            expression.left, expression.right = _beside(left, right), _beside(right, left)


def _teach_when(node: MultiExpressionBlockNode) -> None:
    """As the block is rendered once for each value that fits, ``nil, blank`` must not fit twice."""
    values = node.expression.expressions
    if any(isinstance(value, Blank) for value in values):
        values = [value for value in values if not isinstance(value, Nil)]
    node.expression.expressions = [_beside(value, node.expression.left) for value in values]


def _beside(expression: Expression, other: Expression) -> Expression:
    """The expression, or where it is ``blank`` one that knows what it is compared with."""
    return _BlankBeside(other) if isinstance(expression, Blank) else expression


class _BlankBeside(Blank):
    __slots__ = ("other",)

    def __init__(self, other: Expression) -> None:
        super().__init__(other.token)
        self.other = other

    def evaluate(self, context: RenderContext) -> Blank | None:  # type: ignore[override]
        value = self.other.evaluate(context)
        return None if value is None or is_undefined(value) else self
