"""Problems, files, generators, named sets, bounds, schedules, the checker and the Gantt chart."""
