"""A CyTube server in process, held to recordings of a real one."""
