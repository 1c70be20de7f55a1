"""The canvas: where every card, line, label and "+" of a workflow goes. Pure; templates/workflows/builder/_canvas.html draws it."""
