"""Every command, thin: options in, one call, an answer out."""
