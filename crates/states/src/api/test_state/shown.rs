//! What a caller learns of a tested state.

use aws_model::states::{
    InspectionData, InspectionDataRequest, InspectionDataResponse, InspectionErrorDetails,
    InspectionLevel, TestExecutionStatus, TestStateInput, TestStateOutput,
};
use engine_core::{End, Handled, Payload, Stage};
use serde::Serialize;

use super::run::Tested;

/// Returns the answer.
pub(super) fn output(input: &TestStateInput, tested: Tested) -> TestStateOutput {
    let inspection_data = match input.inspection_level {
        None | Some(InspectionLevel::Info) => None,
        Some(InspectionLevel::Debug) => Some(inspection(&tested)),
        Some(InspectionLevel::Trace) => Some(with_exchange(inspection(&tested), &tested)),
    };
    let Handled { error, cause, .. } = tested.handled;
    let text = |text: Option<engine_core::Text>| text.map(|text| text.to_string());
    let (error, cause) = (text(error), text(cause));
    let (status, output, next_state) = match tested.end {
        End::Left { output, next } => {
            let status = match error {
                Some(_) => TestExecutionStatus::CaughtError,
                None => TestExecutionStatus::Succeeded,
            };
            (status, Some(output.text().to_owned()), text(next))
        }
        End::Retried => (TestExecutionStatus::Retriable, None, None),
        End::Failed => (TestExecutionStatus::Failed, None, None),
    };
    TestStateOutput {
        output,
        error,
        cause,
        inspection_data,
        next_state,
        status: Some(status),
    }
}

fn inspection(tested: &Tested) -> InspectionData {
    let found = |stage: Stage| tested.stages.get(&stage);
    let text = |stage: Stage| found(stage).map(|payload| payload.text().to_owned());
    let list = |stage: Stage| found(stage).map(spaced);
    let number = |stage: Stage| found(stage).and_then(|payload| payload.value().as_i64());
    InspectionData {
        input: Some(tested.input.text().to_owned()),
        after_arguments: text(Stage::Arguments),
        after_input_path: text(Stage::InputPath),
        after_parameters: text(Stage::Parameters),
        result: text(Stage::Result),
        after_result_selector: text(Stage::ResultSelector),
        after_result_path: text(Stage::ResultPath),
        request: None,
        response: None,
        variables: tested
            .variables
            .as_ref()
            .map(|payload| payload.text().to_owned()),
        error_details: error_details(&tested.handled),
        after_items_path: list(Stage::ItemsPath),
        after_item_selector: list(Stage::ItemSelector),
        after_item_batcher: list(Stage::ItemBatcher),
        after_items_pointer: list(Stage::ItemsPointer),
        tolerated_failure_count: number(Stage::ToleratedFailureCount),
        tolerated_failure_percentage: found(Stage::ToleratedFailurePercentage)
            .and_then(|payload| payload.value().as_f64()),
        max_concurrency: number(Stage::MaxConcurrency),
    }
}

fn with_exchange(mut shown: InspectionData, tested: &Tested) -> InspectionData {
    let Some(exchange) = &tested.exchange else {
        return shown;
    };
    let protocol = exchange.url.split(':').next().unwrap_or_default();
    shown.request = Some(InspectionDataRequest {
        protocol: Some(protocol.to_owned()),
        method: Some(exchange.method.clone()),
        url: Some(exchange.url.clone()),
        headers: Some(exchange.request_headers.clone()),
        body: exchange.request_body.clone(),
    });
    shown.response = exchange
        .response
        .as_ref()
        .map(|response| InspectionDataResponse {
            protocol: Some(protocol.to_owned()),
            status_code: Some(response.status.to_string()),
            status_message: Some(response.reason.clone()),
            headers: Some(response.headers.clone()),
            body: response.body.clone(),
        });
    shown
}

fn error_details(handled: &Handled) -> Option<InspectionErrorDetails> {
    let index = |index: Option<usize>| index.and_then(|index| i64::try_from(index).ok());
    let details = InspectionErrorDetails {
        catch_index: index(handled.catcher),
        retry_index: index(handled.retrier),
        retry_backoff_interval_seconds: handled.backoff_millis.map(|millis| millis / 1000),
    };
    (handled.catcher.is_some() || handled.retrier.is_some()).then_some(details)
}

/// Returns the text of a list that was made here, with the blanks that AWS puts into it (recorded).
fn spaced(payload: &Payload) -> String {
    let mut text = Vec::with_capacity(payload.len() * 2);
    let mut writer = serde_json::Serializer::with_formatter(&mut text, Spaced);
    let written = payload.value().serialize(&mut writer);
    match (written, String::from_utf8(text)) {
        (Ok(()), Ok(text)) => text,
        _ => payload.text().to_owned(),
    }
}

struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
    ) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}
