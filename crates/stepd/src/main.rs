//! stepd: AWS Step Functions that you run yourself. The server and the command line, one binary.
//!
//! The composition root: here, and only here, the services, the store and the listener meet.

#![forbid(unsafe_code)]

mod client;
mod console;
mod deploy;
mod env;
mod keys;
mod limits;
mod logs;
mod objects;
mod observe;
mod otlp;
mod place;
mod serve;
mod stacks;
mod test;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// AWS Step Functions that you run yourself: durable, one binary, drop-in for the AWS API.
#[derive(Parser)]
#[command(
    name = "stepd",
    version,
    about,
    max_term_width = 100,
    propagate_version = true
)]
#[command(
    after_help = "Start with `stepd serve`; then, in another terminal, `eval \"$(stepd env)\"` and use the AWS \
                        CLI or any AWS SDK as you would against AWS."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server: Step Functions, Lambda, DynamoDB and stacks on one address
    Serve(serve::Arguments),
    /// Deploy a SAM or CloudFormation template and the code beside it
    Deploy(deploy::Arguments),
    /// Print the shell environment that points AWS tools at the server
    Env(env::Arguments),
    /// Print a link that signs a browser in to the web console
    Console,
    /// Show what a Lambda function logged
    Logs(logs::Arguments),
    /// Run the cases of workflow test files, in virtual time and without a server
    Test(test::Arguments),
    /// Check state machine definitions and show every finding in its place
    Validate(validate::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Deploy(arguments) => deploy::run(arguments).await,
        Command::Env(arguments) => env::run(arguments),
        Command::Console => console::run().await,
        Command::Logs(arguments) => logs::run(arguments).await,
        Command::Test(arguments) => return test::run(&arguments),
        Command::Validate(arguments) => match validate::run(&arguments) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // What was tried and why it failed, for a person; never a trace of our code.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
