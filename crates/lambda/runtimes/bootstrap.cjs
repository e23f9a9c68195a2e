// Runs one Node.js function: asks the Runtime API for events, calls the handler, posts what came of
// it. Works on every Node.js from 16 on and needs no packages. Beside the protocol it does three
// things that Lambda's own image does: the SDKs resolve without being bundled, `console` writes
// Lambda's log lines, and an error has the form `{errorType, errorMessage, trace}`.
'use strict';

const dns = require('dns');
const fs = require('fs');
const http = require('http');
const Module = require('module');
const path = require('path');
const util = require('util');
const { pathToFileURL } = require('url');

const api = new URL(`http://${process.env.AWS_LAMBDA_RUNTIME_API}/`);
const prefix = `${api.pathname.replace(/\/$/, '')}/2018-06-01/runtime`;
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const taskRoot = process.env.LAMBDA_TASK_ROOT;

const sdkProblem = process.env.STEPD_SDK_PROBLEM;
delete process.env.STEPD_SDK_PROBLEM;

// The invocation that is running: { id, finish } or undefined.
let current;

// --- The Runtime API -----------------------------------------------------------------------------

function call(method, route, headers, body) {
  return new Promise((resolve, reject) => {
    const options = { method, agent, hostname: api.hostname, port: api.port, path: prefix + route, headers };
    const request = http.request(options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ headers: response.headers, status: response.statusCode, body: Buffer.concat(chunks) }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

// Without the server there is nothing left to do: an instance never outlives it.
function serverIsGone() {
  process.exit(1);
}

function post(route, value, errorType) {
  const body = Buffer.from(value, 'utf8');
  const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
  if (errorType !== undefined) {
    headers['Lambda-Runtime-Function-Error-Type'] = encodeURIComponent(errorType);
  }
  return call('POST', route, headers, body).catch(serverIsGone);
}

async function nextInvocation() {
  const { headers, body } = await call('GET', '/invocation/next', {}).catch(serverIsGone);
  return {
    id: headers['lambda-runtime-aws-request-id'],
    deadline: Number(headers['lambda-runtime-deadline-ms']),
    arn: headers['lambda-runtime-invoked-function-arn'],
    trace: headers['lambda-runtime-trace-id'],
    clientContext: headers['lambda-runtime-client-context'],
    identity: headers['lambda-runtime-cognito-identity'],
    body: body.toString('utf8'),
  };
}

// --- Errors --------------------------------------------------------------------------------------

class RuntimeError extends Error {
  constructor(name, message, cause) {
    super(message);
    this.name = name;
    if (cause && cause.stack) {
      this.stack = `${name}: ${message}\n${String(cause.stack).split('\n').slice(1).join('\n')}`;
    }
  }
}

function isError(value) {
  return util.types.isNativeError(value) ||
    (value !== null && typeof value === 'object' && typeof value.name === 'string' &&
      typeof value.message === 'string' && typeof value.stack === 'string');
}

// What the caller reads: the error's name is its type, as the Catch of a state machine matches it.
function describeError(error) {
  try {
    if (isError(error)) {
      return {
        errorType: String(error.name),
        errorMessage: String(error.message),
        trace: String(error.stack).split('\n'),
      };
    }
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  } catch {
    return { errorType: 'handled', errorMessage: 'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack' };
  }
}

function logError(title, error) {
  const { errorType, errorMessage, trace } = describeError(error);
  const extra = {};
  if (isError(error)) {
    for (const key of Object.keys(error)) extra[key] = error[key];
  }
  let text;
  try {
    text = JSON.stringify({ errorType, errorMessage, ...extra, stack: trace });
  } catch {
    text = JSON.stringify({ errorType, errorMessage, stack: trace });
  }
  writeLog('ERROR', `${title}\t${text}`);
}

// --- Logs ----------------------------------------------------------------------------------------

function writeLog(level, text) {
  const id = current ? current.id : 'undefined';
  // A line break within a message is a carriage return, so that one message stays one line.
  process.stdout.write(`${new Date().toISOString()}\t${id}\t${level}\t${text.replace(/\n/g, '\r')}\n`);
}

function patchConsole() {
  const levels = { log: 'INFO', info: 'INFO', debug: 'DEBUG', warn: 'WARN', error: 'ERROR' };
  for (const [method, level] of Object.entries(levels)) {
    console[method] = (...values) => writeLog(level, util.format(...values));
  }
  console.trace = (...values) => {
    const { stack } = new Error();
    writeLog('TRACE', `Trace: ${util.format(...values)}\n${stack.split('\n').slice(2).join('\n')}`);
  };
}

// --- SDKs ----------------------------------------------------------------------------------------

// aws-sdk v2 knows no AWS_ENDPOINT_URL. It asks `region_config` for the endpoint of a client that was
// given none, and nobody else; so this is where it learns ours. An endpoint that the function's own
// code gives stays as it is.
function redirect(regionConfig) {
  const configure = regionConfig.configureEndpoint;
  regionConfig.configureEndpoint = (service) => {
    configure(service);
    const serviceId = String((service.api && service.api.serviceId) || service.serviceIdentifier || '');
    const own = process.env[`AWS_ENDPOINT_URL_${serviceId.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`];
    const endpoint = own || process.env.AWS_ENDPOINT_URL;
    if (!endpoint) return;
    service.config.endpoint = endpoint;
    service.isGlobalEndpoint = false;
    service.config.hostPrefixEnabled = false;
    service.config.s3ForcePathStyle = true;
  };
}

function hookRequire() {
  const load = Module._load;
  const redirected = new WeakSet();
  Module._load = function (request, parent, isMain) {
    let exports;
    try {
      exports = load.call(this, request, parent, isMain);
    } catch (error) {
      if (sdkProblem && error && error.code === 'MODULE_NOT_FOUND' && /^(aws-sdk|@aws-sdk)(\/|$)/.test(request)) {
        error.message = `${error.message}\n${sdkProblem}`;
      }
      throw error;
    }
    if (request.endsWith('/region_config') && parent && /[\\/]aws-sdk[\\/]lib[\\/]/.test(parent.filename || '') &&
        typeof exports.configureEndpoint === 'function' && !redirected.has(exports)) {
      redirected.add(exports);
      redirect(exports);
    }
    return exports;
  };
}

// NODE_PATH serves `require` alone: `import` finds layers and SDKs through a resolution hook that is
// asked after the function's own node_modules.
function hookImport(isModule) {
  const folders = process.env.NODE_PATH;
  if (!folders || typeof Module.register !== 'function') return;
  const parents = folders.split(path.delimiter).map((folder) => pathToFileURL(path.join(folder, '..', 'index.mjs')).href);
  if (typeof Module.registerHooks === 'function') {
    Module.registerHooks({
      resolve(specifier, context, nextResolve) {
        try {
          return nextResolve(specifier, context);
        } catch (error) {
          if (error.code !== 'ERR_MODULE_NOT_FOUND' || /^[./]|:/.test(specifier)) throw error;
          for (const parentURL of parents) {
            try {
              return nextResolve(specifier, { ...context, parentURL });
            } catch (next) {
              if (next.code !== 'ERR_MODULE_NOT_FOUND') throw next;
            }
          }
          throw error;
        }
      },
    });
  } else if (isModule) {
    const loader = `
      let parents;
      export function initialize(data) { parents = data.parents; }
      export async function resolve(specifier, context, next) {
        try { return await next(specifier, context); } catch (error) {
          if (error.code !== 'ERR_MODULE_NOT_FOUND' || /^[./]|:/.test(specifier)) throw error;
          for (const parentURL of parents) {
            try { return await next(specifier, { ...context, parentURL }); } catch (other) {
              if (other.code !== 'ERR_MODULE_NOT_FOUND') throw other;
            }
          }
          throw error;
        }
      }`;
    Module.register(`data:text/javascript,${encodeURIComponent(loader)}`, { data: { parents } });
  }
}

// Clients put names before the endpoint's host (`sync-` for StartSyncExecution, a bucket's name).
// Whatever stands before it, the endpoint is where it leads.
function hookNames() {
  if (!process.env.AWS_ENDPOINT_URL) return;
  const { hostname } = new URL(process.env.AWS_ENDPOINT_URL);
  const lookup = dns.lookup;
  dns.lookup = function (name, ...rest) {
    const before = typeof name === 'string' && name.endsWith(hostname) ? name.slice(0, -hostname.length) : '';
    return lookup.call(this, /[.-]$/.test(before) ? hostname : name, ...rest);
  };
}

// --- The handler ---------------------------------------------------------------------------------

function nearestPackageIsModule(directory) {
  for (let at = directory; at.startsWith(taskRoot); at = path.dirname(at)) {
    const file = path.join(at, 'package.json');
    if (fs.existsSync(file)) {
      try {
        return JSON.parse(fs.readFileSync(file, 'utf8')).type === 'module';
      } catch {
        return false;
      }
    }
    if (at === path.dirname(at)) return false;
  }
  return false;
}

function findFile(base) {
  for (const extension of ['', '.js', '.mjs', '.cjs']) {
    const file = base + extension;
    if (fs.existsSync(file) && fs.statSync(file).isFile()) return file;
  }
  return undefined;
}

async function importFile(file, shown) {
  const extension = path.extname(file);
  const isModule = extension === '.mjs' || (extension === '.js' && nearestPackageIsModule(path.dirname(file)));
  hookImport(isModule);
  try {
    return isModule ? await import(pathToFileURL(file).href) : require(file);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new RuntimeError('Runtime.UserCodeSyntaxError', `SyntaxError: ${error.message}`, error);
    }
    if (error && (error.code === 'MODULE_NOT_FOUND' || error.code === 'ERR_MODULE_NOT_FOUND')) {
      throw new RuntimeError('Runtime.ImportModuleError', `Error: ${error.message}`, error);
    }
    throw error === undefined ? new Error(`${shown} threw undefined`) : error;
  }
}

// `dir/file.fn`: all up to the last slash is a folder, then the file, then what it exports.
async function loadHandler() {
  const handler = process.env._HANDLER || '';
  const file = path.basename(handler);
  const dot = file.indexOf('.');
  if (dot < 1 || dot === file.length - 1) {
    throw new RuntimeError('Runtime.MalformedHandlerName', 'Bad handler');
  }
  if (handler.split('/').includes('..')) {
    throw new RuntimeError('Runtime.MalformedHandlerName', `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  const folder = handler.slice(0, handler.length - file.length);
  const base = path.resolve(taskRoot, folder, file.slice(0, dot));
  const found = findFile(base) || (fs.existsSync(path.join(base, 'index.js')) && path.join(base, 'index.js'));
  if (!found) {
    throw new RuntimeError('Runtime.ImportModuleError', `Error: Cannot find module '${path.basename(base)}'\nRequire stack:\n- ${__filename}`);
  }
  let value = await importFile(found, base);
  let owner = value;
  for (const name of file.slice(dot + 1).split('.')) {
    owner = value;
    value = value === null || value === undefined ? undefined : value[name];
  }
  if (value === undefined || value === null) {
    throw new RuntimeError('Runtime.HandlerNotFound', `${handler} is undefined or not exported`);
  }
  if (typeof value !== 'function') {
    throw new RuntimeError('Runtime.HandlerNotFound', `${handler} is not a function`);
  }
  return value.bind(owner);
}

// --- One invocation ------------------------------------------------------------------------------

function parseJson(text) {
  return text ? JSON.parse(text) : undefined;
}

// Calls the handler and returns a promise that is kept once its result is posted.
function run(handler, invocation) {
  return new Promise((posted) => {
    let state = 'running';
    let waitForEmptyLoop = true;
    let held;

    const send = (route, value, errorType) => {
      if (state === 'sent') return;
      state = 'sent';
      post(`/invocation/${invocation.id}/${route}`, value, errorType).then(posted);
    };
    const fail = (error) => {
      if (state === 'sent') return;
      logError('Invoke Error', error);
      const shape = describeError(error);
      send('error', JSON.stringify(shape), shape.errorType);
    };
    const succeed = (value) => {
      if (state === 'sent') return;
      let text;
      try {
        text = JSON.stringify(value === undefined ? null : value);
      } catch (error) {
        return fail(new Error('Unable to stringify response body'));
      }
      // A function or a symbol has no JSON form.
      send('response', text === undefined ? 'null' : text);
    };
    const settle = (error, value) => (error === null || error === undefined ? succeed(value) : fail(error));
    // The first answer counts. It leaves once nothing else is left to do, unless told otherwise.
    const callback = (error, value) => {
      if (state !== 'running') return;
      state = 'answered';
      if (waitForEmptyLoop) held = () => settle(error, value);
      else setImmediate(() => settle(error, value));
    };
    const done = (error, value) => {
      if (state === 'sent' || state === 'answered') return;
      state = 'answered';
      settle(error, value);
    };

    current = {
      id: invocation.id,
      fail,
      loopIsEmpty() {
        if (held) held();
        else succeed(null);
      },
    };

    const context = {
      get callbackWaitsForEmptyEventLoop() { return waitForEmptyLoop; },
      set callbackWaitsForEmptyEventLoop(value) { waitForEmptyLoop = Boolean(value); },
      functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
      functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
      memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
      logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
      clientContext: undefined,
      identity: undefined,
      invokedFunctionArn: invocation.arn,
      awsRequestId: invocation.id,
      getRemainingTimeInMillis: () => Math.max(invocation.deadline - Date.now(), 0),
      done,
      succeed: (value) => done(null, value),
      fail: (error) => done(error === undefined || error === null ? 'handled' : error),
    };

    if (invocation.trace) process.env._X_AMZN_TRACE_ID = invocation.trace;
    else delete process.env._X_AMZN_TRACE_ID;

    try {
      context.clientContext = parseJson(invocation.clientContext);
      context.identity = parseJson(invocation.identity);
      const result = handler(JSON.parse(invocation.body), context, callback);
      if (result !== null && result !== undefined && typeof result.then === 'function') {
        result.then((value) => done(null, value), (error) => {
          if (state === 'running') fail(error === undefined ? new Error('the promise was rejected with undefined') : error);
        });
      }
    } catch (error) {
      fail(error);
    }
  });
}

// An error that nobody caught ends the instance; whoever waits for the invocation learns of it first.
async function crash(title, error, code) {
  const failed = current;
  if (failed) {
    const shape = describeError(error);
    logError(title, error);
    await post(`/invocation/${failed.id}/error`, JSON.stringify(shape), shape.errorType);
  } else {
    const shape = describeError(error);
    logError(title, error);
    await post('/init/error', JSON.stringify(shape), shape.errorType);
  }
  process.exit(code);
}

function rejectionError(reason) {
  const shown = isError(reason) ? `${reason.name}: ${reason.message}` : String(reason);
  const error = new Error(shown);
  error.name = 'Runtime.UnhandledPromiseRejection';
  error.stack = `Runtime.UnhandledPromiseRejection: ${shown}\n${isError(reason) ? String(reason.stack).split('\n').slice(1).join('\n') : ''}`.trimEnd();
  return error;
}

async function main() {
  patchConsole();
  hookRequire();
  hookNames();
  process.on('uncaughtException', (error) => { crash('Uncaught Exception', error, 129); });
  process.on('unhandledRejection', (reason) => { crash('Unhandled Promise Rejection', rejectionError(reason), 128); });
  process.on('beforeExit', () => {
    if (current) current.loopIsEmpty();
  });

  let handler;
  try {
    handler = await loadHandler();
  } catch (error) {
    return crash('Uncaught Exception', error, 1);
  }
  for (;;) {
    const invocation = await nextInvocation();
    await run(handler, invocation);
    current = undefined;
  }
}

main();
