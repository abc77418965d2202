"""The live side: streams, fan-out, rooms and sockets (DESIGN §4 and §5).

``hub`` follows streams, ``follower`` is one stream in this process, ``fanout`` is one room and audience,
``subscriber`` one client in one namespace. ``doorstep``, ``takeover``, ``transport`` and ``engine``
alone know the inside of python-socketio, engineio and aiohttp.
"""
