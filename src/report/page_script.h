/* page_script.h - what a page does beyond showing: sort, filter, unfold.
 *
 * PAGE_SCRIPT_SHA256 is what the page's policy allows to run: after a change
 * tests/cli says what it has to be.
 */
#ifndef REPORT_PAGE_SCRIPT_H
#define REPORT_PAGE_SCRIPT_H

#define PAGE_SCRIPT_SHA256 "TveJppYnv+aeO0wJId7sLQSPpZ6Td50t7/KsGnF2sH0="

/* One statement a line. */
/* clang-format off */
static const char page_script[] =
    "(function(){'use strict';\n"
    "var table=document.getElementById('queries');\n"
    "if(!table)return;\n"
    "var heads=Array.from(table.tHead.rows[0].cells);\n"
    "var rows=Array.from(table.tBodies).map(function(body,order){return{body:body,"
        "order:order,cells:Array.from(body.rows[0].cells).map(function(cell){"
        "return cell.textContent.trim()}),text:body.rows[0].querySelector("
        "'.name').title.toLowerCase()}});\n"

    /* Numbers first, in the order wanted; then what is no number. */
    "function compare(column,isText,sign){return function(a,b){\n"
    "var x=a.cells[column],y=b.cells[column],d;\n"
    "if(column===0)d=sign*(a.text<b.text?-1:a.text>b.text?1:0);\n"
    "else if(isText)d=sign*x.localeCompare(y);\n"
    "else{var u=parseFloat(x),v=parseFloat(y);\n"
    "d=isNaN(u)||isNaN(v)?isNaN(u)-isNaN(v):sign*(u-v)}\n"
    "return d||a.order-b.order}}\n"
    "function sort(column){\n"
    "var head=heads[column],isText=head.classList.contains('text');\n"
    "var old=head.getAttribute('aria-sort');\n"
    "var up=old?old!=='ascending':true;\n"
    "heads.forEach(function(h){h.removeAttribute('aria-sort')});\n"
    "head.setAttribute('aria-sort',up?'ascending':'descending');\n"
    "rows.slice().sort(compare(column,isText,up?1:-1)).forEach(function(row){"
        "table.appendChild(row.body)})}\n"
    "if(rows.length>1)heads.forEach(function(head,column){\n"
    "var button=document.createElement('button');\n"
    "button.type='button';\n"
    "while(head.firstChild)button.appendChild(head.firstChild);\n"
    "head.appendChild(button);\n"
    "button.addEventListener('click',function(){sort(column)})});\n"
    "var controls=document.getElementById('controls'),find=document.getElementById('find'),"
        "set=document.getElementById('set'),status=document.getElementById('status');\n"
    "function filter(){\n"
    "var wanted=find.value.trim().toLowerCase(),part=set?set.value:'',"
        "all=!set||!set.selectedIndex,n=0;\n"
    "rows.forEach(function(row){\n"
    "var shown=row.text.indexOf(wanted)>=0&&(all||row.cells[1]===part);\n"
    "row.body.hidden=!shown;n+=shown});\n"
    "status.textContent=n===rows.length?'':n+' of '+rows.length+' queries'}\n"
    "if(controls){controls.hidden=false;\n"
    "controls.addEventListener('submit',function(event){event.preventDefault()});\n"
    "find.addEventListener('input',filter);\n"
    "if(set)set.addEventListener('change',filter);\n"
    "filter()}\n"

    /* A link to a query unfolds it, and comes from a filtered list too. */
    "function unfold(){\n"
    "var body=/^#q[0-9]+$/.test(location.hash)&&document.getElementById("
        "location.hash.slice(1));\n"
    "if(!body)return;\n"
    "body.hidden=false;\n"
    "body.querySelector('details').open=true;\n"
    "body.scrollIntoView()}\n"
    "table.addEventListener('click',function(event){\n"
    "var link=event.target.closest('a[href^=\"#q\"]');\n"
    "if(link&&link.hash===location.hash){var d=link.closest('tbody').querySelector("
        "'details');d.open=!d.open}});\n"
    "window.addEventListener('hashchange',unfold);\n"
    "unfold()})();\n";
/* clang-format on */

#endif
