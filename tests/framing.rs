//! Every message has exactly one reading. The tables say of each malformed or ambiguous one what the client is answered,
//! what the vendor receives (nothing, or one request that equals the record), and what stands in the log.

mod http1;
mod http2;
mod messages;
mod vendor;
