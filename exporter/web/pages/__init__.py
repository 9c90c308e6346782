"""The pages that people look at: made on the server, live where a browser has JavaScript, whole where it has none."""
