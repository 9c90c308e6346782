"""What people look at of a benchmark run: charts, report, notebook. All of it from the run's folder, nothing measured twice."""
