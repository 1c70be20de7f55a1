// What an open step or trigger needs: saving while one types, its fields, their data.
import "./editing.js";
import "./fields.js";
import "./picker.js";
import "./previews.js";
import "./saving.js";
