"""Look at what is wanted and what is, have ``reconcile`` say what is to be done, and do it: one controller a kind."""
