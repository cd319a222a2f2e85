"""What Python's logging prints for one request with the log's file that is given.

The request is logged as uvicorn logs it. Arguments: the file, then client, method, path with query,
HTTP's version and status. A file that speaks of gunicorn.access alone is one for gunicorn with
uvicorn's worker, which gives that logger's handlers to its own.
"""

import json
import logging
import logging.config
import logging.handlers  # noqa: F401 (files name its classes)
import sys

file, client, method, path, version, status = sys.argv[1:]
if file.endswith(".json"):
    with open(file) as text:
        logging.config.dictConfig(json.load(text))
else:
    logging.config.fileConfig(file, disable_existing_loggers=False)

logger = logging.getLogger("uvicorn.access")
known = logging.root.manager.loggerDict
if "gunicorn.access" in known and not logger.handlers:
    gunicorn = logging.getLogger("gunicorn.access")
    logger.handlers = gunicorn.handlers
    logger.setLevel(gunicorn.level)
    logger.propagate = False
logger.info('%s - "%s %s HTTP/%s" %d', client, method, path, version, int(status))
logging.shutdown()
