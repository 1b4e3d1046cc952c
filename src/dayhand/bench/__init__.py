"""What Dayhand itself costs: ratios, measured side by side in one run."""
