//! `Credentials` of a Task: the call is made as another role, which the machine's own must be let assume.

use service::{Call, Gate, Principal, RequestId};

use engine_core::TaskDescription;
use serde_json::json;

use super::Answer;

/// Returns as whom a task calls: as `principal`, or as the role that it names, once STS has let
/// `principal` have it.
pub(super) async fn assumed(
    gate: &dyn Gate,
    task: &TaskDescription,
    principal: Principal,
) -> Result<Principal, Answer> {
    let Some(wanted) = &task.credentials_role_arn else {
        return Ok(principal);
    };
    let Principal::Role {
        role_arn,
        session_name,
    } = &principal
    else {
        return Ok(principal);
    };
    let assumed = Principal::Role {
        role_arn: (&**wanted).into(),
        session_name: session_name.clone(),
    };
    if **wanted == **role_arn {
        return Ok(assumed);
    }
    let input = json!({ "RoleArn": &**wanted, "RoleSessionName": &**session_name });
    let call = Call {
        service: "sts",
        operation: "AssumeRole".into(),
        input: input.to_string().into(),
        payload: Default::default(),
        principal: principal.clone(),
        request_id: RequestId::random(),
    };
    match gate.call(call).await {
        Ok(_) => Ok(assumed),
        // A world without STS has no roles to tell apart.
        Err(failure) if failure.status == 501 => Ok(assumed),
        Err(_) => Err(Answer::Failed {
            error: "States.TaskFailed".into(),
            cause: format!(
                "The role {role_arn} is not authorized to assume the task state's role, {wanted}."
            ),
        }),
    }
}
