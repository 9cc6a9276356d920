"""A seeded population that lives in the rooms of a simulated site and writes down what happened there.

What the people will do is decided beforehand (`script`), done to the rooms (`crowd`) as time goes by (`driver`), and
what the rooms showed is written down (`record`), from which follows what a client in a room can know (`summary`).
"""
