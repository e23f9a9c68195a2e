//! The items of a data set, page by page.

use std::collections::VecDeque;
use std::sync::Arc;

use engine_core::Payload;
use map_items::{
    CsvDecoder, CsvHeaders, Decoder, Delimiter, Inventory, InventoryFormat, JsonDecoder,
    JsonLinesDecoder, ObjectAddress, athena_address, athena_manifest, listing_item,
};
use serde_json::{Map, Value};
use service::{Gate, Principal};

use super::ItemsFailed;
use super::listing::Listing;
use super::object::Object;
use super::reader::{InputType, ItemReader, Layout};
use super::s3::S3;
use super::stream::{DecodedItems, ItemStream, ParquetRows, failed};

/// Most bytes of an inventory's manifest: it is read as a whole.
const MANIFEST_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One item of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// `Map.Item.Index`: counted from 0 over the whole data set.
    pub index: u64,
    /// `Map.Item.Key`, where the items are the members of an object.
    pub key: Option<String>,
    /// `Map.Item.Value`, as compact JSON.
    pub value: Payload,
    /// `Map.Item.Source`: `S3://bucket` for a listing, else `S3://bucket/key`.
    pub source: Arc<str>,
}

/// Some of the items, in order.
#[derive(Clone, Debug, Default)]
pub struct ItemPage {
    /// Empty only at the end.
    pub items: Vec<Item>,
    /// No items follow.
    pub is_last: bool,
}

/// A data set that is being read. It holds one page and some buffers, however large the data set is.
pub struct ItemSource {
    s3: S3,
    reader: ItemReader,
    /// Items that were returned or passed over.
    index: u64,
    etag: Option<String>,
    feed: Feed,
}

/// Where the next item comes from.
enum Feed {
    /// The metadata of a bucket's objects.
    Metadata { listing: Listing, source: Arc<str> },
    /// The contents of one object after the other.
    Contents {
        addresses: Addresses,
        content: Content,
        current: Option<(ItemStream, Arc<str>)>,
    },
}

/// Which objects hold the items, after the one that is open.
enum Addresses {
    /// No other: the definition names the one.
    None,
    /// These.
    Known(VecDeque<ObjectAddress>),
    /// Those of a bucket.
    Listed(Listing),
    /// Those that a manifest names.
    Athena(Box<DecodedItems>),
}

/// How the objects that hold the items are written.
enum Content {
    Items(InputType),
    Inventory(Vec<String>),
}

impl ItemSource {
    /// Opens the data set of `reader` as `principal`: what is missing or may not be read is told here,
    /// as far as the first byte can tell.
    pub async fn open(
        gate: Arc<dyn Gate>,
        principal: Principal,
        reader: ItemReader,
    ) -> Result<Self, ItemsFailed> {
        let s3 = S3::new(gate, principal);
        let mut etag = None;
        let parameters = reader.parameters.clone();
        let feed = match &reader.layout {
            Layout::Listing => Feed::Metadata {
                listing: Listing::open(s3.clone(), parameters).await?,
                source: format!("S3://{}", reader.bucket()).into(),
            },
            Layout::LoadAndFlatten(input) => Feed::contents(
                Addresses::Listed(Listing::open(s3.clone(), parameters).await?),
                Content::Items(input.clone()),
            ),
            Layout::Items(input) => {
                let object = Object::open(s3.clone(), parameters).await?;
                etag = Some(object.etag().to_owned());
                let content = Content::Items(input.clone());
                let source = source_of(&reader.parameters);
                let stream = content.open(object).await?;
                Feed::Contents {
                    addresses: Addresses::None,
                    content,
                    current: Some((stream, source)),
                }
            }
            Layout::AthenaData(input) => {
                let object = Object::open(s3.clone(), parameters).await?;
                etag = Some(object.etag().to_owned());
                let rows = DecodedItems::new(object, Box::new(athena_manifest()))?;
                Feed::contents(
                    Addresses::Athena(Box::new(rows)),
                    Content::Items(input.clone()),
                )
            }
            Layout::S3Inventory => {
                let object = Object::open(s3.clone(), parameters).await?;
                etag = Some(object.etag().to_owned());
                let text = whole(object).await?;
                let inventory = Inventory::parse(&text, reader.bucket()).map_err(failed)?;
                let content = match inventory.format {
                    InventoryFormat::Csv => Content::Inventory(inventory.columns),
                    InventoryFormat::Parquet => Content::Items(InputType::Parquet),
                };
                Feed::contents(Addresses::Known(inventory.files.into()), content)
            }
        };
        if let Feed::Contents {
            content: Content::Items(input @ InputType::Csv { .. }),
            ..
        } = &feed
        {
            // Names of columns that are wrong are wrong even if there is no row.
            decoder(input)?;
        }
        Ok(Self {
            s3,
            reader,
            index: 0,
            etag,
            feed,
        })
    }

    /// Reads on, up to `items_max` items, or fewer whose texts have `bytes_max` bytes together; at least
    /// one unless the end is reached.
    pub async fn next_page(
        &mut self,
        items_max: usize,
        bytes_max: usize,
    ) -> Result<ItemPage, ItemsFailed> {
        let mut page = ItemPage::default();
        let mut bytes = 0;
        while page.items.is_empty() || (page.items.len() < items_max && bytes < bytes_max) {
            match self.next_item().await? {
                Some(item) => {
                    bytes += item.value.len();
                    page.items.push(item);
                }
                None => {
                    page.is_last = true;
                    break;
                }
            }
        }
        page.is_last |= self.index >= self.reader.items_max;
        Ok(page)
    }

    /// Passes over `items` items: to go on after a restart, open the data set again and skip what the
    /// children have. Fewer items than that is a failure: the data set is another one.
    pub async fn skip(&mut self, items: u64) -> Result<(), ItemsFailed> {
        for passed in 0..items {
            if self.next_item().await?.is_none() {
                return Err(ItemsFailed::reading(format!(
                    "The data set has {passed} items where {items} were read before: it was changed."
                )));
            }
        }
        Ok(())
    }

    /// Returns what identifies the content: the ETag of the object (of the manifest, where there is one).
    /// To go on after a restart compare it with what it was. A listing has none.
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    async fn next_item(&mut self) -> Result<Option<Item>, ItemsFailed> {
        if self.index >= self.reader.items_max {
            return Ok(None);
        }
        let next = match &mut self.feed {
            Feed::Metadata { listing, source } => listing.next().await?.map(|contents| Item {
                index: self.index,
                key: None,
                value: Payload::parse(&listing_item(&contents)).expect("it is made as JSON"),
                source: source.clone(),
            }),
            Feed::Contents {
                addresses,
                content,
                current,
            } => loop {
                if let Some((stream, source)) = current {
                    let next = stream.next().await;
                    match next.map_err(|error| error.in_object(addresses, source))? {
                        Some(entry) => {
                            break Some(Item {
                                index: self.index,
                                key: entry.key,
                                value: Payload::from_value(entry.value),
                                source: source.clone(),
                            });
                        }
                        None => *current = None,
                    }
                }
                let Some(address) = addresses.next().await? else {
                    break None;
                };
                let parameters = Object::parameters(&self.reader.parameters, &address);
                let source = source_of(&parameters);
                let object = Object::open(self.s3.clone(), parameters).await?;
                let stream = content.open(object).await;
                let stream = stream.map_err(|error| error.in_object(addresses, &source))?;
                *current = Some((stream, source));
            },
        };
        self.index += u64::from(next.is_some());
        Ok(next)
    }
}

impl ItemsFailed {
    /// Says which of several objects it is that cannot be read.
    fn in_object(mut self, addresses: &Addresses, source: &str) -> Self {
        match addresses {
            Addresses::None => {}
            Addresses::Known(_) | Addresses::Listed(_) | Addresses::Athena(_) => {
                self.cause.push_str(&format!(" The object is {source}."));
            }
        }
        self
    }
}

impl Feed {
    fn contents(addresses: Addresses, content: Content) -> Self {
        Self::Contents {
            addresses,
            content,
            current: None,
        }
    }
}

impl Addresses {
    async fn next(&mut self) -> Result<Option<ObjectAddress>, ItemsFailed> {
        match self {
            Self::None => Ok(None),
            Self::Known(addresses) => Ok(addresses.pop_front()),
            Self::Listed(listing) => listing.next_address().await,
            Self::Athena(rows) => {
                while let Some(row) = rows.next().await? {
                    if let Some(address) = athena_address(&row).map_err(failed)? {
                        return Ok(Some(address));
                    }
                }
                Ok(None)
            }
        }
    }
}

impl Content {
    async fn open(&self, object: Object) -> Result<ItemStream, ItemsFailed> {
        let decoder: Box<dyn Decoder> = match self {
            Self::Items(InputType::Parquet) => {
                return Ok(ItemStream::Parquet(ParquetRows::open(object).await?));
            }
            Self::Items(input) => decoder(input)?,
            Self::Inventory(columns) => {
                let headers = CsvHeaders::Given(columns.clone());
                Box::new(CsvDecoder::new(Delimiter::Comma, headers).map_err(failed)?)
            }
        };
        let items = DecodedItems::new(object, decoder)?;
        Ok(ItemStream::Decoded(Box::new(items)))
    }
}

/// Returns the decoder of `input`, which is not Parquet.
fn decoder(input: &InputType) -> Result<Box<dyn Decoder>, ItemsFailed> {
    Ok(match input {
        InputType::Csv { headers, delimiter } => {
            Box::new(CsvDecoder::new(*delimiter, headers.clone()).map_err(failed)?)
        }
        InputType::Json { pointer } => Box::new(JsonDecoder::new(pointer).map_err(failed)?),
        InputType::JsonLines | InputType::Parquet => Box::new(JsonLinesDecoder::new()),
    })
}

fn source_of(parameters: &Map<String, Value>) -> Arc<str> {
    let text = |name: &str| parameters.get(name).and_then(Value::as_str);
    format!(
        "S3://{}/{}",
        text("Bucket").unwrap_or_default(),
        text("Key").unwrap_or_default()
    )
    .into()
}

async fn whole(mut object: Object) -> Result<Vec<u8>, ItemsFailed> {
    let mut text = Vec::new();
    while let Some(piece) = object.next_piece().await? {
        text.extend_from_slice(&piece);
        if text.len() > MANIFEST_BYTES_MAX {
            return Err(ItemsFailed::reading(format!(
                "The inventory's manifest is larger than {MANIFEST_BYTES_MAX} bytes."
            )));
        }
    }
    Ok(text)
}
