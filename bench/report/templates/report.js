// Numbers and times as the reader's locale writes them. Without this script they stand as they were written.
{
  const locales = [...navigator.languages];
  const forms = new Map();
  const form = (digits) => {
    if (!forms.has(digits)) forms.set(digits, new Intl.NumberFormat(locales, {minimumFractionDigits: digits, maximumFractionDigits: digits}));
    return forms.get(digits);
  };
  for (const each of document.querySelectorAll("data[data-digits]")) each.textContent = form(Number(each.dataset.digits)).format(Number(each.value));
  const times = new Intl.DateTimeFormat(locales, {dateStyle: "long", timeStyle: "short", timeZone: "UTC"});
  for (const each of document.querySelectorAll("time[datetime]")) each.textContent = `${times.format(new Date(each.dateTime))} UTC`;
}
