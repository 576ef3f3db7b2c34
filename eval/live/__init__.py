"""A page on this machine that shows runs while they go on: incumbent, bound and Gantt chart as they improve."""
