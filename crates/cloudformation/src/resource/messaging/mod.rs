//! The types of the services that carry messages.

mod event_source;
mod queue;
mod queue_policy;
mod subscription;
mod topic;
mod topic_policy;

use super::ResourceHandler;

/// The handlers.
pub(super) const HANDLERS: &[&dyn ResourceHandler] = &[
    &queue::Queue,
    &queue_policy::QueuePolicy,
    &event_source::EventSource,
    &topic::Topic,
    &topic_policy::TopicPolicy,
    &subscription::Subscription,
];
