// A choice among few, with one line for "all of them".
import Select from "@cloudscape-design/components/select";

export interface ChooseProps {
  label: string;
  /** What it says when nothing is chosen. */
  all: string;
  value: string;
  options: [value: string, text: string][];
  onChange: (value: string) => void;
}

export function Choose({ label, all, value, options: given, onChange }: ChooseProps) {
  const options = [{ value: "", label: all }, ...given.map(([value, label]) => ({ value, label }))];
  return (
    <Select
      ariaLabel={label}
      options={options}
      selectedOption={options.find((one) => one.value === value) ?? null}
      onChange={({ detail }) => onChange(detail.selectedOption.value ?? "")}
    />
  );
}
