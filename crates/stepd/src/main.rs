//! stepd: AWS Step Functions that you run yourself. The server and the command line, one binary.
//!
//! The composition root: here, and only here, the services, the store and the listener meet.

#![forbid(unsafe_code)]

mod access;
mod access_keys;
mod apis;
mod build;
mod client;
mod console;
mod deploy;
mod env;
mod forward;
mod function_urls;
mod keys;
mod limits;
mod login;
mod logs;
mod messaging;
mod names;
mod objects;
mod observe;
mod opening;
mod otlp;
mod people;
mod picture;
mod place;
mod policy;
mod print;
mod replay;
mod serve;
mod shell;
mod signals;
mod stacks;
mod status_events;
mod task;
mod test;
mod tls;
mod topic_links;
mod validate;
mod workflow;
mod xml;

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
    /// Run the server: Step Functions and the services around it on one address
    Serve(Box<serve::Arguments>),
    /// Deploy a SAM or CloudFormation template and the code beside it
    Deploy(deploy::Arguments),
    /// Build the code beside a template as `sam build` does, for every runtime
    Build(build::Arguments),
    /// Print the shell environment that points AWS tools at the server
    Env(env::Arguments),
    /// Write a profile for AWS tools: the server's address, and keys of the owner, a user or a role
    Login(login::Arguments),
    /// Make, list and end access keys
    #[command(subcommand)]
    Keys(access_keys::Command),
    /// Print a link that signs a browser in to the web console
    Console,
    /// Show what a Lambda function logged
    Logs(logs::Arguments),
    /// Run the cases of workflow test files, in virtual time and without a server
    Test(test::Arguments),
    /// Check state machine definitions and show every finding in its place
    Validate(validate::Arguments),
    /// List executions, the newest first
    List(workflow::list::Arguments),
    /// Start an execution
    Start(workflow::start::Arguments),
    /// Show how an execution is: its data, its states, and what it waits for
    Show(workflow::Chosen),
    /// Show the events of an execution
    History(workflow::Chosen),
    /// Watch an execution until it ends
    Watch(workflow::watch::Arguments),
    /// End an execution
    Stop(workflow::StopArguments),
    /// Take an execution up again that ended without success
    Redrive(workflow::Chosen),
    /// Write an execution's history as the AWS command line does
    Export(workflow::export::Arguments),
    /// Play a history from AWS again and say where stepd would have done otherwise
    Replay(replay::Arguments),
    /// Say what policies of a stack could be
    #[command(subcommand)]
    Policy(policy::Command),
    /// List and answer what waits for an answer
    #[command(subcommand)]
    Task(task::Command),
    /// Print the script that completes commands in a shell
    Completion(shell::CompletionArguments),
    /// Print the manual page
    Man(shell::ManArguments),
}

/// Runs a command that waits for the server, apart from the runtime's own threads.
async fn apart(
    command: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<()> {
    tokio::task::spawn_blocking(command).await?
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(*arguments).await,
        Command::Deploy(arguments) => deploy::run(arguments).await,
        Command::Build(arguments) => apart(move || build::run(&arguments)).await,
        Command::Env(arguments) => env::run(arguments),
        Command::Login(arguments) => apart(move || login::run(&arguments)).await,
        Command::Keys(command) => apart(move || access_keys::run(&command)).await,
        Command::Console => console::run().await,
        Command::Logs(arguments) => logs::run(arguments).await,
        Command::Test(arguments) => return test::run(&arguments),
        Command::Validate(arguments) => match validate::run(&arguments) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Replay(arguments) => match replay::run(&arguments) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::List(arguments) => apart(move || workflow::list::run(&arguments)).await,
        Command::Start(arguments) => apart(move || workflow::start::run(&arguments)).await,
        Command::Show(chosen) => apart(move || workflow::show::run(&chosen)).await,
        Command::History(chosen) => apart(move || workflow::history::run(&chosen)).await,
        Command::Watch(arguments) => apart(move || workflow::watch::run(&arguments)).await,
        Command::Stop(arguments) => apart(move || workflow::stop(arguments)).await,
        Command::Redrive(chosen) => apart(move || workflow::redrive(chosen)).await,
        Command::Export(arguments) => apart(move || workflow::export::run(&arguments)).await,
        Command::Policy(command) => apart(move || policy::run(&command)).await,
        Command::Task(command) => apart(move || task::run(command)).await,
        Command::Completion(arguments) => shell::completion(&arguments),
        Command::Man(arguments) => shell::man(&arguments),
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
