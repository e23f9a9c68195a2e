# Runs one Python function: asks the Runtime API for events, calls the handler, posts what came of it.
# Needs nothing but the standard library. `boto3` is found behind the function's own modules.

import http.client
import importlib
import json
import logging
import os
import sys
import time
import traceback


class RuntimeApi:
    """One connection to the server; when it is lost the instance ends, for it must not outlive it."""

    def __init__(self, address):
        host, _, path = address.partition("/")
        self._connection = http.client.HTTPConnection(host)
        self._prefix = ("/" + path if path else "") + "/2018-06-01/runtime"

    def call(self, method, route, body=None, headers=None):
        try:
            self._connection.request(method, self._prefix + route, body, headers or {})
            response = self._connection.getresponse()
            return response, response.read()
        except (OSError, http.client.HTTPException):
            os._exit(1)

    def post(self, route, text, error_type=None):
        headers = {"Content-Type": "application/json"}
        if error_type is not None:
            headers["Lambda-Runtime-Function-Error-Type"] = error_type.encode("ascii", "replace").decode()
        # A lone surrogate has no UTF-8 form; it must not cost the invocation its answer.
        self.call("POST", route, text.encode("utf-8", "replace"), headers)


class Shape:
    """An object made of the members of a JSON object."""

    def __init__(self, names, members):
        for name in names:
            setattr(self, name, members.get(name))


class Context:
    """What a handler is told about its invocation."""

    def __init__(self, request_id, deadline, arn, client_context, identity):
        self.aws_request_id = request_id
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.invoked_function_arn = arn
        self.client_context = None
        if client_context:
            members = json.loads(client_context)
            self.client_context = Shape(("custom", "env"), members)
            client_names = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")
            self.client_context.client = Shape(client_names, members.get("client") or {})
        identity = json.loads(identity) if identity else {}
        self.identity = Shape(("cognito_identity_id", "cognito_identity_pool_id"), {
            "cognito_identity_id": identity.get("cognitoIdentityId"),
            "cognito_identity_pool_id": identity.get("cognitoIdentityPoolId"),
        })
        self._deadline = deadline

    def get_remaining_time_in_millis(self):
        return max(self._deadline - int(time.time() * 1000), 0)

    def log(self, message):
        sys.stdout.write(str(message))


class Problem(Exception):
    """A failure that the runtime itself names."""

    def __init__(self, error_type, message):
        super().__init__(message)
        self.error_type = error_type


# Why boto3 is not there, if it should be.
sdk_problem = os.environ.pop("STEPD_SDK_PROBLEM", None)

# The request that log lines belong to.
current_request_id = None


class RequestIdFilter(logging.Filter):
    """Gives every log record the invocation's id."""

    def filter(self, record):
        record.aws_request_id = current_request_id or ""
        return True


def set_up_logging():
    handler = logging.StreamHandler(sys.stdout)
    form = logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    handler.setFormatter(form)
    handler.addFilter(RequestIdFilter())
    logging.getLogger().addHandler(handler)


def load_handler():
    name = os.environ.get("_HANDLER", "")
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise Problem("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)")
    if module_name.split("/")[0] in sys.builtin_module_names:
        raise Problem("Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        text = str(error)
        problem = sdk_problem
        if problem and (error.name or "").partition(".")[0] in ("boto3", "botocore"):
            text = f"{text}\n{problem}"
        raise Problem("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {text}") from error
    except SyntaxError as error:
        raise Problem("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}") from error
    if not hasattr(module, function_name):
        raise Problem("Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'")
    return getattr(module, function_name)


def describe(error, request_id):
    """Returns what the caller reads; frames of this file are left out."""
    if isinstance(error, Problem):
        message, kind, stack = str(error), error.error_type, []
    else:
        message, kind = str(error), type(error).__name__
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
        stack = traceback.format_list(frames)
    return {"errorMessage": message, "errorType": kind, "requestId": request_id or "", "stackTrace": stack}


def log_error(shape):
    lines = [f"[ERROR] {shape['errorType']}: {shape['errorMessage']}"]
    if shape["stackTrace"]:
        lines.append("Traceback (most recent call last):")
        lines.extend(shape["stackTrace"])
    # One message stays one line: a line break within it is a carriage return.
    print("\r".join(line.rstrip("\n").replace("\n", "\r") for line in lines), flush=True)


def run(api, handler):
    global current_request_id
    response, body = api.call("GET", "/invocation/next")
    request_id = current_request_id = response.headers["Lambda-Runtime-Aws-Request-Id"]
    trace = response.headers["Lambda-Runtime-Trace-Id"]
    if trace:
        os.environ["_X_AMZN_TRACE_ID"] = trace
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    try:
        context = Context(
            request_id,
            int(response.headers["Lambda-Runtime-Deadline-Ms"]),
            response.headers["Lambda-Runtime-Invoked-Function-Arn"],
            response.headers["Lambda-Runtime-Client-Context"],
            response.headers["Lambda-Runtime-Cognito-Identity"],
        )
        result = handler(json.loads(body), context)
        try:
            text = json.dumps(result, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise Problem("Runtime.MarshalError", f"Unable to marshal response: {error}") from error
    except Exception as error:  # whatever a handler raises is its answer
        shape = describe(error, request_id)
        log_error(shape)
        sys.stdout.flush()
        api.post(f"/invocation/{request_id}/error", json.dumps(shape, ensure_ascii=False), shape["errorType"])
    else:
        sys.stdout.flush()
        api.post(f"/invocation/{request_id}/response", text)
    current_request_id = None


def main():
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    # The folder of this file is Python's doing; a function sees its own modules and then the SDK's.
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    layers = os.environ.pop("STEPD_PYTHON_LAYERS", None)
    if layers:
        sys.path[1:1] = layers.split(":")
    sdk = os.environ.pop("STEPD_PYTHON_SDK", None)
    if sdk:
        sys.path.append(sdk)
    sys.path.append(os.path.join(os.environ["LAMBDA_RUNTIME_DIR"], "node_modules"))
    set_up_logging()
    try:
        handler = load_handler()
    except BaseException as error:
        if isinstance(error, SystemExit):
            sys.exit(error.code)
        shape = describe(error, None)
        log_error(shape)
        api.post("/init/error", json.dumps(shape, ensure_ascii=False), shape["errorType"])
        sys.exit(1)
    while True:
        run(api, handler)


main()
