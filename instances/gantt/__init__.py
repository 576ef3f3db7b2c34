"""The Gantt chart, once: as text, as one HTML page and as an image; every other part calls it."""

from makespan.instances.gantt.chart import chart_data
from makespan.instances.gantt.critical import critical_tasks
from makespan.instances.gantt.html import gantt_html
from makespan.instances.gantt.png import gantt_png
from makespan.instances.gantt.text import gantt_text

__all__ = ["chart_data", "critical_tasks", "gantt_html", "gantt_png", "gantt_text"]
