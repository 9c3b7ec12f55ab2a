//! Who may use the two listeners, as the arguments say.

use std::path::Path;

use crate::cli::node::NodeArgs;
use crate::exit::{Exit, Failure, OrExit, Outcome};
use crate::server::guard::Guard;
use crate::token::Token;

/// The guards of both listeners.
#[derive(Clone, Debug)]
pub(super) struct Access {
    pub(super) ingress: Guard,
    pub(super) admin: Guard,
}

impl Access {
    /// Reads the tokens.
    ///
    /// # Errors
    /// [`Exit::Usage`] for an admin address that others reach and that nothing protects; [`Exit::Io`] for a token
    /// file that cannot be used.
    pub(super) fn new(args: &NodeArgs) -> Outcome<Self> {
        if !args.admin.ip().is_loopback() && args.admin_token_file.is_none() && !args.admin_open {
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "--admin {}: other machines reach this address; protect it with --admin-token-file FILE, \
                     or say --admin-open to let everyone in",
                    args.admin
                ),
            ));
        }
        Ok(Self {
            ingress: guard(args.ingress_token_file.as_deref())?,
            admin: guard(args.admin_token_file.as_deref())?,
        })
    }
}

fn guard(token_file: Option<&Path>) -> Outcome<Guard> {
    match token_file {
        None => Ok(Guard::Open),
        Some(path) => Ok(Guard::Bearer(Token::read(path).or_exit(Exit::Io)?)),
    }
}

#[cfg(test)]
mod tests;
