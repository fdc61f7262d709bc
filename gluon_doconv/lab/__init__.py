"""The evidence: data, trainings, demos, figures, reports. Nothing but the command line imports it."""
