// Click a column heading to sort; click a picture to enlarge it. The page is complete without this.
document.querySelectorAll("table.sortable th[data-sort]").forEach(function (head) {
  head.tabIndex = 0;
  head.title = "Sort";
  function sort() {
    var column = head.cellIndex, body = head.closest("table").tBodies[0];
    var down = head.getAttribute("aria-sort") !== "descending";
    head.parentNode.querySelectorAll("th").forEach(function (h) { h.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    Array.from(body.rows).map(function (row) {
      var value = row.cells[column].dataset.value;
      var number = parseFloat(value);
      return { row: row, key: value !== "" && !isNaN(value) ? number : value };
    }).sort(function (a, b) {
      var order = typeof a.key === "number" && typeof b.key === "number" ? a.key - b.key
        : String(a.key).localeCompare(String(b.key), undefined, { numeric: true });
      return down ? -order : order;
    }).forEach(function (item) { body.appendChild(item.row); });
  }
  head.addEventListener("click", sort);
  head.addEventListener("keydown", function (event) { if (event.key === "Enter") sort(); });
});
document.querySelectorAll("button.picture").forEach(function (button) {
  button.addEventListener("click", function () {
    var dialog = document.createElement("dialog");
    dialog.appendChild(button.querySelector("img").cloneNode());
    dialog.addEventListener("click", function () { dialog.close(); });
    dialog.addEventListener("close", function () { dialog.remove(); });
    document.body.appendChild(dialog);
    dialog.showModal();
  });
});
