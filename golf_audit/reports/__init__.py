"""How a report is shown: one file per format, all behind `interface.ReportFormat`."""
