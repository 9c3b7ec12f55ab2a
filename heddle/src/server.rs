//! The two HTTP servers: the ingress that takes events, and the admin API that shows and answers for everything else.

pub(crate) mod accept;
pub(crate) mod admin;
mod body;
pub(crate) mod guard;
pub(crate) mod ingress;
pub(crate) mod problem;
