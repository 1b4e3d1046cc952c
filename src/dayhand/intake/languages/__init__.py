"""The words by which requests, questions, thanks and refusals are recognised, one file for each language."""
