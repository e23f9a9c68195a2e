//! AWS protocols: requests and errors to and from bytes, and Signature Version 4.
