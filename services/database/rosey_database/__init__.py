"""The Rosey database service: stores every event exactly once and answers questions."""
