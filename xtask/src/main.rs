//! The project's own commands; `cargo xtask help` lists them.
//!
//! One file a command. Nothing here depends on the server's crates: what a command needs of them it
//! builds and starts as a user would.

#![forbid(unsafe_code)]

mod bench;
mod codegen;
mod console;
mod demo;
mod fuzz;
mod sim;
mod test;
mod tidy;
mod tools;
mod workspace;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  demo      Build stepd, start it, deploy examples/account-application and say what to try.
              --data-dir DIR   where the server keeps its data   [default: .stepd]
              --listen ADDR    where it listens                  [default: 127.0.0.1:4566]
              --debug          build without optimization: ready sooner, runs slower
  test      Everything that must hold: format, clippy, tidy, generated code, the console, all tests,
            and walks with the real AWS command line and through the console in Chromium.
            Needs Node.js 20.19 or newer, npm and Python 3.
              --quick          without the tests of the whole server, and without the walks
  tidy      What the compiler does not check: the arrows between crates, the purity of the pure
            ones, file lengths, module comments, what must not be written anywhere.
  console   Build the web console into console/dist; the next build of stepd carries it.
            Needs Node.js 20.19 or newer.
  codegen   Write the generated files anew from models/.
              --check          write nothing; fail where a file would change
  sim       Run the simulator: random machines in a world that crashes.
              --seeds N        how many worlds                   [default: 200]
              --from S         the first seed                    [default: 0]
  fuzz [TARGET] [SECONDS]
            Look for inputs that break something, 60 seconds a target unless said: definition,
            jsonpath, intrinsics, jsonata, interpreter. Needs `cargo install cargo-fuzz`.
  bench     Start the release binary and measure it over HTTP; every figure in one run.
              --paused N       how many executions wait at once  [default: 100000]
              --seconds S      how long each rate is measured    [default: 10]
              --items N        how many items a Distributed Map has   [default: 100000]
              --listed N       how many executions are listed         [default: 1000000]
  tools     Install what the tests use besides Rust (the AWS and SAM command lines, SDKs, JSONata)
            into target/tools.
  ci        What the continuous integration runs: test.
  help      This text.
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_else(|| "help".to_owned());
    let rest: Vec<String> = arguments.collect();
    let outcome = match command.as_str() {
        "demo" => demo::run(&rest),
        "test" => test::run(&rest),
        "ci" => test::run(&[]),
        "tidy" => tidy::run(),
        "console" => console::build(),
        "codegen" => codegen(&rest),
        "sim" => sim::run(&rest),
        "fuzz" => fuzz::run(&rest),
        "bench" => bench::run(&rest),
        "tools" => tools::install().map(|tools| println!("installed in {}", tools.display())),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        unknown => Err(anyhow::anyhow!(
            "there is no command `{unknown}`; `cargo xtask help` lists them"
        )),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn codegen(arguments: &[String]) -> anyhow::Result<()> {
    workspace::refuse_unknown(arguments, &["--check"], &[])?;
    codegen::run(arguments.iter().any(|argument| argument == "--check"))
}
